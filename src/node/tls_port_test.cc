#include "node/tls_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OwnTlsIdentity, IsMadeOnceAndKeptWhereOnlyTheOwnerReadsIt) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "tls.pem";
  const Result<net::TlsIdentity> made = own_tls_identity(file);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(stat_path(file.string())->permissions, 0600u);
  const Result<net::TlsIdentity> kept = own_tls_identity(file);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->fingerprint, made->fingerprint);
  EXPECT_EQ(kept->pem, made->pem);
}

TEST(OwnTlsIdentity, ThatOthersMayReadIsRefused) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "tls.pem";
  ASSERT_TRUE(own_tls_identity(file));
  for (const mode_t mode : {0640, 0604, 0660, 0755}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    const Result<net::TlsIdentity> refused = own_tls_identity(file);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().kind, ErrorKind::kAccessDenied);
    EXPECT_THAT(refused.error().message, HasSubstr("chmod 600 " + file.string()));
  }
}

TEST(OwnTlsIdentity, ThatIsSpoiltIsNotReplacedInSilence) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "tls.pem";
  ASSERT_TRUE(write_file_atomically(file.string(), "-----BEGIN", 0600));
  const Result<net::TlsIdentity> refused = own_tls_identity(file);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(file.string()), HasSubstr("remove it")));
  EXPECT_EQ(read_file(file.string()), "-----BEGIN");
}

}  // namespace
}  // namespace leanto::node
