"""The chaos suite: runs with keys while everything is killed, and a checker that reads what happened. docs/chaos.md."""
