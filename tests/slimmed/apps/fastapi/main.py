from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Ship(BaseModel):
    name: str
    berth: int = 1


@app.get("/")
def home():
    return {"ok": True}


@app.get("/ships/{berth}")
async def ship(berth: int, name: str = "Ada") -> Ship:
    return Ship(name=name, berth=berth)
