#include "cli/command.h"

int main(int argc, char** argv) { return leanto::cli::run(argc, argv); }
