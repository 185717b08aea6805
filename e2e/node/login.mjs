// Logs in with a mechanism: node login.mjs nodemailer|imapflow MECHANISM, with CA, PORT_465, PORT_993 and, for a token, TOKEN.
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'
import { ImapFlow } from 'imapflow'

const [program, mechanism] = process.argv.slice(2)
const { CA, PORT_465, PORT_993, TOKEN } = process.env
const user = 'alice'
const tls = { ca: readFileSync(CA) }
if (program === 'nodemailer') {
  const auth = TOKEN ? { type: 'OAuth2', user, accessToken: TOKEN } : { user, pass: 'secret' }
  const transport = nodemailer.createTransport({ host: 'localhost', port: Number(PORT_465), secure: true, tls, auth, authMethod: TOKEN ? undefined : mechanism })
  await transport.verify()
  transport.close()
} else {
  const auth = TOKEN ? { user, accessToken: TOKEN } : { user, pass: 'secret', loginMethod: 'AUTH=' + mechanism }
  const client = new ImapFlow({ host: 'localhost', port: Number(PORT_993), secure: true, tls, auth, logger: false })
  await client.connect()
  await client.logout()
}
