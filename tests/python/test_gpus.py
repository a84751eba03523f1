"""GPUs as NVIDIA's management library says: here a small one with the real names, made by a C compiler."""

import shutil
import subprocess

import pytest
import shop

LIMIT = 60

# What nvml.h says, as far as it's used.
LIBRARY = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct memory { unsigned long long total, free, used; };
static const char* names[] = {"NVIDIA A10G", "NVIDIA H100 80GB HBM3"};
static const char* uuids[] = {"GPU-6d1b0000-1111-2222-3333-444444444444", "GPU-77aa0000-1111-2222-3333-444444444444"};
static int begun;

int nvmlInit_v2(void) { INIT; begun = 1; return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) { *count = 2; return begun ? 0 : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = (char*)0x700000000000 + index; return index < 2 ? 0 : 2;
}
static unsigned at(void* device) { return (unsigned)((char*)device - (char*)0x700000000000); }
int nvmlDeviceGetName(void* device, char* name, unsigned size) { snprintf(name, size, "%s", names[at(device)]); return 0; }
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned size) { snprintf(uuid, size, "%s", uuids[at(device)]); return 0; }
int nvmlDeviceGetMemoryInfo(void* device, struct memory* memory) {
  memory->total = 24ull << 30; memory->free = memory->used = 0;
  return 0;
}
"""


@pytest.fixture
def nvml(tmp_path, monkeypatch, own_home):
    """Makes the library, which begins with the statement that's given; new nodes find it."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler here")

    def make(init=""):
        directory = tmp_path / "lib"
        directory.mkdir()
        (directory / "nvml.c").write_text(LIBRARY.replace("INIT", init))
        words = [compiler, "-shared", "-fPIC", "-o", directory / "libnvidia-ml.so.1"]
        subprocess.run([*words, directory / "nvml.c"], check=True, timeout=LIMIT)
        monkeypatch.setenv("LD_LIBRARY_PATH", str(directory))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return make


def test_what_the_library_says_is_what_there_is(nvml, lt):
    nvml()
    (offer,) = lt.offers(gpus="A10G:1")
    assert offer["cannot"] == ""
    assert offer["total"]["accelerators"] == {"A10G": 1, "H100": 1}
    assert lt.cluster(instance_type="H100:1").keys() == []
    with pytest.raises(lt.CapacityError, match="nobody can offer 2 x A10G"):
        lt.cluster(instance_type="A10G:2").keys()


def test_one_of_a_kind_is_a_gpu_of_that_kind(nvml, lt, sent):
    nvml()
    shown = sent(shop.environment, accelerators="H100:1")("CUDA_VISIBLE_DEVICES")
    assert shown == "1"
    assert sent(shop.environment, accelerators="A10G:1")("CUDA_VISIBLE_DEVICES") == "0"


def test_a_gpu_that_is_named_by_its_uuid_has_its_kind(nvml, monkeypatch, lt, sent):
    nvml()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-77aa0000")
    assert lt.offers()[0]["total"]["accelerators"] == {"H100": 1}
    assert sent(shop.environment, accelerators="H100:1")("CUDA_VISIBLE_DEVICES") == "GPU-77aa0000"


@pytest.mark.parametrize("init", ["return 999", "_exit(3)", "pause()"])
def test_a_library_that_fails_keeps_no_node_from_starting(init, nvml, lt, sent):
    nvml(init)
    assert lt.offers()[0]["total"]["accelerators"].get("A10G") is None
    assert sent(shop.add)(1, 2) == 3
