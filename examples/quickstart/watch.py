"""A second process: finds the live model by its name, and asks it how far it has got."""

import os
import time

import leanto as lt

model = lt.cluster("here").get("digits")
while (seen := model.status())["epochs"] < 20:
    time.sleep(0.02)
who = f"watch.py, process {os.getpid()}, sees: "
print(f"\r{who}epoch {seen['epochs']}, {seen['accuracy']:.1%} right{'':10}")
