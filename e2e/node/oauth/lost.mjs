// Refreshes as nodemailer and google-auth-library do, which keep the refresh token that they were given at first. Goes on until the rig
// tells of both. Usage: node oauth/lost.mjs RIG PORTS CA USER. Prints one line of JSON.
import { OAuth2Client } from 'google-auth-library'
import { browse } from './browse.mjs'
import { mail } from './mail.mjs'

const [rig, ports, ca, user] = process.argv.slice(2)
const { send } = mail(JSON.parse(ports), ca, user)
const redirectUri = 'http://127.0.0.1:1/callback'
const token = rig + '/oauth2/token'
const google = name => new OAuth2Client({
  clientId: name, clientSecret: 'lost-canary', redirectUri,
  endpoints: { oauth2AuthBaseUrl: rig + '/oauth2/authorize', oauth2TokenUrl: token }
})
const secrets = ['lost-canary']
const signIn = async client => {
  const link = client.generateAuthUrl({ scope: 'imap smtp', prompt: 'none', login_hint: user })
  const { tokens } = await client.getToken((await browse(link)).searchParams.get('code'))
  secrets.push(tokens.access_token, tokens.refresh_token)
  return tokens.refresh_token
}
const library = google('google-auth-library')
const [forMailer, forLibrary] = [await signIn(google('nodemailer')), await signIn(library)]
library.setCredentials({ refresh_token: forLibrary })
const refreshes = {
  nodemailer: () => send({ clientId: 'nodemailer', clientSecret: 'lost-canary', refreshToken: forMailer, accessUrl: token }),
  'google-auth-library': () => library.refreshAccessToken().then(() => 'refreshed', e => e.response?.data?.error ?? e.message)
}
const told = async client => (await (await fetch(rig + '/api/v1/findings')).json()).findings
  .some(f => f.id === 'refresh-token-lost' && JSON.stringify(f).includes(client))

const outcomes = {}
for (const [client, refresh] of Object.entries(refreshes)) {
  outcomes[client] = [await refresh()]
  // Two refreshes within two seconds would be no fault: two parts of a program may have refreshed at the same time.
  for (const until = Date.now() + 30_000; Date.now() < until && !await told(client);) {
    await new Promise(resolve => setTimeout(resolve, 250))
    outcomes[client][1] = await refresh()
  }
}
console.log(JSON.stringify({ outcomes, secrets }))
