// What Node's mail clients do with an access token.
import { readFileSync } from 'node:fs'
import nodemailer from 'nodemailer'
import { ImapFlow } from 'imapflow'

// mail returns functions that use a token for a user at the doors with these real ports.
export const mail = (ports, caFile, user) => {
  const tls = { ca: readFileSync(caFile) }
  const send = async auth => {
    const transport = nodemailer.createTransport({ host: 'localhost', port: ports[465], secure: true, tls, auth: { type: 'OAuth2', user, ...auth } })
    try {
      await transport.sendMail({ from: user, to: user, subject: 'with a token', text: 'hello' })
      return 'sent'
    } catch (e) {
      return `${e.code}: ${e.message}`
    } finally {
      transport.close()
    }
  }
  const look = async accessToken => {
    const client = new ImapFlow({ host: 'localhost', port: ports[993], secure: true, auth: { user, accessToken }, tls, logger: false })
    client.on('error', () => {})
    try {
      await client.connect()
      const { exists } = await client.mailboxOpen('INBOX')
      await client.logout()
      return `${exists} messages`
    } catch (e) {
      return e.oauthError?.status ?? e.message
    }
  }
  return { send, look }
}
