"use strict";

const { formatISO } = require("date-fns");
const express = require("express");
const _ = require("lodash");

const app = express();
const log = [];

app.use(express.json());
app.get("/health", (_request, response) => response.json({ ok: true }));
app.get("/log", (_request, response) => response.json(_.orderBy(log, ["at"], ["desc"])));
app.post("/log", (request, response) => {
  const entry = { at: formatISO(new Date()), ..._.pick(request.body, ["ship", "event"]) };
  log.push(entry);
  response.status(201).json(entry);
});

app.listen(Number(process.env.PORT || 8080), "127.0.0.1");
