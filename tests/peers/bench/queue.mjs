// fauxqs for a measured race: receives wait at a gate until it is opened, and
// who opens it hears when so many messages were deleted. Says "ready PORT";
// ends with stdin. GET /waiting: how many receives wait; POST /race {"until":
// N}: opens the gate, answers after the N-th delete with {"seconds": S,
// "requests": R}, and closes it.
import { buildApp } from 'fauxqs'

const app = buildApp({ logger: false, defaultRegion: 'us-east-1' })
let base
let waiting = []
let race = null

app.addHook('preHandler', async request => {
  const target = request.headers['x-amz-target'] ?? ''
  const url = request.body?.QueueUrl
  if (typeof url === 'string') {
    request.body.QueueUrl = base + url.slice(url.lastIndexOf('/') + 1)
  }
  if (target.endsWith('.ReceiveMessage') && !race) {
    await new Promise(resolve => waiting.push(resolve))
  }
  if (race) race.requests++
})
app.addHook('onResponse', async request => {
  const target = request.headers['x-amz-target'] ?? ''
  if (!race) return
  if (target.endsWith('.DeleteMessageBatch')) {
    race.left -= request.body.Entries.length
  } else if (target.endsWith('.DeleteMessage')) {
    race.left--
  }
  if (race.left <= 0) race.over()
})
app.get('/waiting', async () => ({ waiting: waiting.length }))
app.post('/race', async request => {
  const { until } = JSON.parse(request.body)
  const begun = process.hrtime.bigint()
  const seconds = await new Promise(resolve => {
    race = {
      left: until,
      requests: 0,
      over: () => resolve(Number(process.hrtime.bigint() - begun) / 1e9)
    }
    waiting.forEach(open => open())
    waiting = []
  })
  const { requests } = race
  race = null
  return { seconds, requests }
})
await app.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' })
const { port } = app.server.address()
base = `http://sqs.us-east-1.localhost:${port}/000000000000/`
console.log(`ready ${port}`)
process.stdin.resume().on('end', () => process.exit(0))
