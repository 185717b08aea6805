// Send a message with nodemailer and fetch one with imapflow.
// Usage: node job.mjs careful|any-certificate|opportunistic
// It finds the server by the variables of mailrig run, and the message in MSG.
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'
import { ImapFlow } from 'imapflow'

const how = process.argv[2]
const env = process.env
const auth = { user: env.MAILRIG_USER, pass: env.MAILRIG_PASSWORD }
const tls = how === 'any-certificate' ? { rejectUnauthorized: false } : { ca: readFileSync(env.MAILRIG_CA_FILE) }

async function send () {
  const transport = nodemailer.createTransport({
    host: 'localhost',
    port: Number(how === 'opportunistic' ? env.MAILRIG_PORT_25 : env.MAILRIG_PORT_587),
    secure: false,
    requireTLS: how !== 'opportunistic',
    name: 'client.example.test',
    auth,
    tls,
    connectionTimeout: 5000,
    greetingTimeout: 5000,
    socketTimeout: 5000
  })
  await transport.sendMail({ envelope: { from: 'alice@example.test', to: 'bob@example.test' }, raw: readFileSync(env.MSG) })
}

async function fetch () {
  const c = new ImapFlow({
    host: 'localhost',
    port: Number(env.MAILRIG_PORT_143),
    secure: false,
    doSTARTTLS: how === 'opportunistic' ? undefined : true,
    auth,
    tls,
    connectionTimeout: 5000,
    greetingTimeout: 5000,
    socketTimeout: 5000,
    logger: false
  })
  c.on('error', () => {})
  await c.connect()
  await c.mailboxOpen('INBOX')
  const m = await c.fetchOne('1', { source: true })
  if (!m?.source?.length) throw new Error('nothing fetched')
  await c.logout()
}

for (const step of [send, fetch]) {
  try {
    await step()
  } catch (e) {
    console.log(step.name, e.code ?? e.serverResponseCode ?? '', e.responseText ?? e.message)
    process.exitCode = 1
  }
}
