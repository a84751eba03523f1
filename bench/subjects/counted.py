"""Leanto as a subject that does a given number of one thing, for bench/instructions.py.

counted.py PROJECT        then takes orders as harness/orders.py says
"""

import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import orders

sys.path.insert(0, sys.argv[1])
import leanto as lt
import service

IN_FLIGHT = 100


def calls(count):
    echo = lt.function(service.echo).to(lt.here)
    for x in range(count):
        echo(x)


def in_flight(count):
    echo = lt.function(service.echo).to(lt.here)

    async def waves():
        for _ in range(count // IN_FLIGHT):
            await asyncio.gather(*(echo.aio(x) for x in range(IN_FLIGHT)))

    asyncio.run(waves())


def items(count):
    for _ in lt.function(service.numbers).to(lt.here)(count):
        pass


def runs(count):
    echo = lt.function(service.echo).to(lt.here)
    for x in range(count):
        echo.submit(x).result()


orders.obey({"calls": calls, "in_flight": in_flight, "items": items, "runs": runs})
