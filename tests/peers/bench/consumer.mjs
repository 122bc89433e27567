// sqs-consumer that does nothing with what it receives: node consumer.mjs
// ENDPOINT QUEUE-URL POLLERS each|batch, until SIGTERM or the end of stdin.
// each: handleMessage, as its documentation sets it up, which deletes messages
// one by one; batch: handleMessageBatch, the cheapest way that it knows.
import { SQSClient } from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'

const [endpoint, queueUrl, pollers, form] = process.argv.slice(2)
const handler = form === 'batch'
  ? { handleMessageBatch: async messages => messages }
  : { handleMessage: async message => message }
const sqs = new SQSClient({
  endpoint,
  region: 'us-east-1',
  useQueueUrlAsEndpoint: false,
  credentials: { accessKeyId: 'AKIAEXAMPLEEXAMPLE00', secretAccessKey: 'none' }
})
for (let i = 0; i < Number(pollers); i++) {
  const consumer = Consumer.create({
    queueUrl,
    sqs,
    batchSize: 10,
    waitTimeSeconds: 20,
    visibilityTimeout: 60,
    ...handler
  })
  consumer.on('error', e => { console.error(e); process.exit(1) })
  consumer.start()
}
process.stdin.resume().on('end', () => process.exit(0))
