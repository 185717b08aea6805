// Use INBOX with imapflow, by expressions, and print what each comes to as JSON.
// Usage: node flow.mjs EXPRESSION...
// In the expressions c is the connection, inside TLS and logged in, INBOX open. It ends with
// 1 at the first failure, which it prints. It finds the server by the variables of mailrig run.
import { readFileSync } from 'node:fs'
import { ImapFlow } from 'imapflow'

const env = process.env
const c = new ImapFlow({
  host: 'localhost',
  port: Number(env.MAILRIG_PORT_993),
  secure: true,
  auth: { user: env.MAILRIG_USER, pass: env.MAILRIG_PASSWORD },
  tls: { ca: readFileSync(env.MAILRIG_CA_FILE) },
  socketTimeout: 5000,
  logger: env.FLOW_DEBUG ? undefined : false
})
const all = async seq => { const l = []; for await (const m of seq) l.push(m); return l }
const show = v => JSON.stringify(v, (k, x) =>
  typeof x === 'bigint' ? String(x) : x instanceof Set ? [...x] : x instanceof Map ? [...x] : x?.type === 'Buffer' ? Buffer.from(x.data).toString() : x)
const fail = e => {
  console.log('failed:', e.responseText ?? e.serverResponseCode ?? e.code ?? e.message, e.responseStatus ?? '')
  process.exit(1)
}
c.on('error', fail)
try {
  await c.connect()
  await c.mailboxOpen('INBOX')
  for (const e of process.argv.slice(2)) console.log(e, '->', show(await eval(`(async () => ${e})()`)))
  await c.logout()
} catch (e) {
  fail(e)
}
void all
