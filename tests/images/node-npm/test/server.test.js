"use strict";

const _ = require("lodash");

test("only the known fields are kept", () => {
  expect(_.pick({ ship: "Ada", event: "left", secret: 1 }, ["ship", "event"])).toEqual({ ship: "Ada", event: "left" });
});
