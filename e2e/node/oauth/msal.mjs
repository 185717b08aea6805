// Signs in with MSAL, which knows only Microsoft's paths, and only HTTPS: authorization code with PKCE, device code, silent refresh. Uses
// the tokens with imapflow and nodemailer. Usage: node oauth/msal.mjs RIG PORTS CA USER, with NODE_EXTRA_CA_CERTS. Prints one line of JSON.
import assert from 'node:assert/strict'
import { CryptoProvider, PublicClientApplication } from '@azure/msal-node'
import { browse, connect } from './browse.mjs'
import { mail } from './mail.mjs'

const [rig, ports, ca, user] = process.argv.slice(2)
const { send, look } = mail(JSON.parse(ports), ca, user)
const redirectUri = 'http://localhost:1/callback'
const outlook = 'https://outlook.office.com/'
const scopes = [outlook + 'IMAP.AccessAsUser.All', outlook + 'POP.AccessAsUser.All', outlook + 'SMTP.Send', 'offline_access']
const host = new URL(rig).host
const app = new PublicClientApplication({ auth: { clientId: 'msal', authority: `${rig}/common`, knownAuthorities: [host] } })

const { verifier, challenge } = await new CryptoProvider().generatePkceCodes()
const link = await app.getAuthCodeUrl({
  scopes, redirectUri, codeChallenge: challenge, codeChallengeMethod: 'S256', prompt: 'none', loginHint: user, responseMode: 'query', state: 'xyz'
})
const back = await browse(link)
const code = back.searchParams.get('code')
assert.equal(back.searchParams.get('state'), 'xyz')
const first = await app.acquireTokenByCode({ scopes, redirectUri, code, codeVerifier: verifier })
assert.equal(first.account.username, user)
assert.equal(await send({ accessToken: first.accessToken }), 'sent')
assert.equal(await look(first.accessToken), '1 messages')

const silent = await app.acquireTokenSilent({ scopes, account: first.account, forceRefresh: true })
assert.notEqual(silent.accessToken, first.accessToken)
assert.equal(await look(silent.accessToken), '1 messages')

let asked
const device = await app.acquireTokenByDeviceCode({
  scopes, deviceCodeCallback: answer => { asked = connect(answer.verificationUri, answer.userCode, user) }
})
await asked
assert.equal(await look(device.accessToken), '1 messages')
console.log(JSON.stringify({ token: silent.accessToken, secrets: [verifier, code, first.accessToken, silent.accessToken, device.accessToken, first.idToken] }))
