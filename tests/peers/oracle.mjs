// What sns-payload-validator says of SNS messages, with certificates from a
// folder instead of the network: node oracle.mjs FOLDER. Each line of stdin is
// a message as a JSON string; each line of stdout {"genuine": BOOL, "why": TEXT}.
import { createRequire } from 'node:module'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'

const require = createRequire(import.meta.url)
require('https').get = (url, options, done) => {
  const request = new EventEmitter()
  process.nextTick(() => {
    const file = path.join(process.argv[2], path.basename(new URL(url).pathname))
    let pem
    try {
      pem = fs.readFileSync(file, 'utf8')
    } catch (e) {
      request.emit('error', e)
      return
    }
    const response = new EventEmitter()
    done(response)
    response.emit('data', pem)
    response.emit('end')
  })
  return request
}
const Validator = require('sns-payload-validator')

const validator = new Validator()
for await (const line of readline.createInterface({ input: process.stdin })) {
  let verdict
  try {
    await validator.validate(JSON.parse(line))
    verdict = { genuine: true, why: '' }
  } catch (e) {
    verdict = { genuine: false, why: e.message }
  }
  console.log(JSON.stringify(verdict))
}
