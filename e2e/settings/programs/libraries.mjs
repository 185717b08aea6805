// Log in and send with nodemailer, or look with imapflow.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
const require = createRequire(new URL('../../node/package.json', import.meta.url))
const nodemailer = require('nodemailer')
const { ImapFlow } = require('imapflow')

const e = process.env
const tls = {}
if (e.TRUST === 'any') tls.rejectUnauthorized = false
if (e.TRUST === 'ca') tls.ca = readFileSync(e.CA)
if (e.TLS === 'old') Object.assign(tls, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
if (e.TLS === 'cipher') Object.assign(tls, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })
const auth = { user: e.ACCOUNT, pass: e.PASSWORD }
if (e.LOGIN === 'XOAUTH2') {
  delete auth.pass
  Object.assign(auth, { type: 'OAuth2', accessToken: e.PASSWORD })
}
const common = {
  host: e.HOST,
  port: Number(e.PORT),
  secure: e.MODE === 'tls',
  ...(e.LOGIN === 'none' ? {} : { auth }),
  tls,
  connectionTimeout: 5000,
  greetingTimeout: 5000,
  socketTimeout: 5000
}
const does = {
  async smtp () {
    const method = ['', 'none', 'XOAUTH2'].includes(e.LOGIN) ? {} : { authMethod: e.LOGIN }
    const t = nodemailer.createTransport({ ...common, ...method, requireTLS: e.MODE === 'starttls', ignoreTLS: e.MODE === 'clear', name: 'client.example.test' })
    await t.sendMail({ from: e.SENDER, to: 'bob@example.test', subject: 'by nodemailer', text: 'hello' })
    t.close()
  },
  async imap () {
    const c = new ImapFlow({ ...common, doSTARTTLS: e.MODE === 'starttls', logger: false })
    c.on('error', () => {})
    await c.connect()
    await c.mailboxOpen('INBOX')
    await c.logout()
  }
}
try {
  await does[e.PROTOCOL]()
  console.log('ok')
} catch (x) {
  console.log(x.code ?? '', x.responseText ?? x.message)
  process.exitCode = 1
}
