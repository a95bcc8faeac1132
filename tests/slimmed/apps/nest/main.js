require('reflect-metadata')
const { Controller, Get, Module, NotFoundException, Param } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')

class Ships {
  home() { return { ok: true } }
  ship(name) { if (name === 'none') throw new NotFoundException(name); return { name } }
}
const describe = (name) => Object.getOwnPropertyDescriptor(Ships.prototype, name)
Get()(Ships.prototype, 'home', describe('home'))
Get('ships/:name')(Ships.prototype, 'ship', describe('ship'))
Param('name')(Ships.prototype, 'ship', 0)
Controller()(Ships)

class Harbour {}
Module({ controllers: [Ships] })(Harbour)

NestFactory.create(Harbour, { logger: ['error'] }).then((app) => app.listen(18115, '0.0.0.0'))
process.on('SIGTERM', () => process.exit(0))
