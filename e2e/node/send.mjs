// Send standard input, a whole message, with nodemailer. Prints one line of JSON.
// Usage: node send.mjs PORT clear|starttls|tls CA USER PASSWORD FROM TO
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'

const [port, mode, ca, user, pass, from, to] = process.argv.slice(2)
const transport = nodemailer.createTransport({
  host: 'localhost',
  port: Number(port),
  secure: mode === 'tls',
  requireTLS: mode === 'starttls',
  ignoreTLS: mode === 'clear',
  auth: user ? { user, pass } : undefined,
  tls: { ca: readFileSync(ca) },
  connectionTimeout: 20000
})
try {
  await transport.verify()
  const info = await transport.sendMail({ envelope: { from, to }, raw: readFileSync(0) })
  console.log(JSON.stringify({ ok: true, accepted: info.accepted }))
} catch (e) {
  console.log(JSON.stringify({ error: e.code, code: e.responseCode, command: e.command, text: e.message }))
  process.exitCode = 1
} finally {
  transport.close()
}
