"""Writes the catalogue that the service reads: some 20 MB, from nothing but a seed."""

import json
import pathlib
import random

draw = random.Random(1912)
ships = [
    {"id": number, "name": f"Ship {draw.getrandbits(48):012x}", "log": draw.randbytes(60).hex()}
    for number in range(120_000)
]
pathlib.Path(__file__).with_name("catalogue.json").write_text(json.dumps(ships))
