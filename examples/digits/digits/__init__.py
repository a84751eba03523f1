"""Reading handwritten digits, in ordinary Python: nothing in here knows of leanto or of an orchestrator."""
