// cognito-local on loopback until stdin ends: node cognito.mjs [PORT], in a
// folder of its own: it keeps its users in .cognito. Says "ready PORT".
import { createRequire } from 'node:module'

process.env.AWS_ACCESS_KEY_ID ??= 'x'
process.env.AWS_SECRET_ACCESS_KEY ??= 'y'
process.env.AWS_REGION ??= 'us-east-1'
process.env.HOST = '127.0.0.1'
process.env.PORT = process.argv[2] ?? '0'
const require = createRequire(import.meta.url)
const pino = require('pino')
const { createDefaultServer } = require('cognito-local')

const server = await createDefaultServer(pino({ level: 'silent' }))
const http = await server.start()
console.log(`ready ${http.address().port}`)
process.stdin.resume().on('end', () => process.exit(0))
