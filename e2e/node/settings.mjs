// Log in as an account's settings say, and send or look; print how it went.
// Usage: node settings.mjs PORT clear|starttls|tls smtp|imap CA|none|insecure
// CA is a file; none trusts what Node trusts; insecure takes any certificate.
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'
import { ImapFlow } from 'imapflow'

const [port, mode, protocol, trust] = process.argv.slice(2)
const wait = { connectionTimeout: 5000, greetingTimeout: 5000, socketTimeout: 5000 }
const common = {
  host: 'localhost',
  port: Number(port),
  secure: mode === 'tls',
  auth: { user: 'alice@example.test', pass: 'secret' },
  tls: trust === 'insecure' ? { rejectUnauthorized: false } : trust === 'none' ? {} : { ca: readFileSync(trust) },
  ...wait
}

const does = {
  async smtp () {
    const t = nodemailer.createTransport({ ...common, requireTLS: mode === 'starttls', ignoreTLS: mode === 'clear', name: 'client.example.test' })
    await t.sendMail({ from: 'alice@example.test', to: 'bob@example.test', subject: 'by nodemailer', text: 'hello' })
    t.close()
  },
  async imap () {
    const c = new ImapFlow({ ...common, doSTARTTLS: mode === 'starttls', logger: false })
    c.on('error', () => {})
    await c.connect()
    await c.mailboxOpen('INBOX')
    await c.logout()
  }
}

try {
  await does[protocol]()
  console.log('ok')
} catch (e) {
  console.log(e.code ?? '', e.responseText ?? e.message)
  process.exitCode = 1
}
