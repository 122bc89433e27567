// fauxqs on loopback (its own command binds every address), until stdin ends:
// node fauxqs.mjs [PORT]. Says "ready PORT". A QueueUrl may be any that ends
// in the queue's name: AWS's own serve in tests, none has to be looked up.
import { buildApp } from 'fauxqs'

const app = buildApp({ logger: false, defaultRegion: 'us-east-1' })
let base
app.addHook('preHandler', async request => {
  const url = request.body?.QueueUrl
  if (typeof url === 'string') {
    request.body.QueueUrl = base + url.slice(url.lastIndexOf('/') + 1)
  }
})
await app.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' })
const { port } = app.server.address()
base = `http://sqs.us-east-1.localhost:${port}/000000000000/`
console.log(`ready ${port}`)
process.stdin.resume().on('end', () => process.exit(0))
