// sqs-consumer that does nothing with what it receives: node consumer.mjs
// ENDPOINT QUEUE-URL POLLERS, until SIGTERM or the end of stdin.
import { SQSClient } from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'

const [endpoint, queueUrl, pollers] = process.argv.slice(2)
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
    handleMessageBatch: async messages => messages
  })
  consumer.on('error', e => { console.error(e); process.exit(1) })
  consumer.start()
}
process.stdin.resume().on('end', () => process.exit(0))
