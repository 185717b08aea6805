// Signs in with openid-client: discovery, authorization code with PKCE, device code, refresh with rotation, revocation. Uses the tokens
// with imapflow and nodemailer. Usage: node oauth/openid.mjs RIG PORTS CA USER. Prints one line of JSON.
import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { browse, connect } from './browse.mjs'
import { mail } from './mail.mjs'

const [rig, ports, ca, user] = process.argv.slice(2)
const { send, look } = mail(JSON.parse(ports), ca, user)
const redirect = 'http://127.0.0.1:1/callback'
const insecure = { execute: [oidc.allowInsecureRequests] }
const config = await oidc.discovery(new URL(rig), 'node', 'openid-canary', undefined, insecure)
const secrets = ['openid-canary']
const kept = tokens => {
  secrets.push(tokens.access_token, tokens.refresh_token, ...(tokens.id_token ? [tokens.id_token] : []))
  return tokens
}

const device = await oidc.initiateDeviceAuthorization(config, { scope: 'imap pop smtp' })
secrets.push(device.device_code)
await connect(device.verification_uri, device.user_code, user)
const fromDevice = oidc.pollDeviceAuthorizationGrant(config, device) // it waits for five seconds first

const verifier = oidc.randomPKCECodeVerifier()
const state = oidc.randomState()
const nonce = oidc.randomNonce()
const link = oidc.buildAuthorizationUrl(config, {
  redirect_uri: redirect, scope: 'openid imap pop smtp', state, nonce, prompt: 'none', login_hint: user,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
})
const back = await browse(link)
secrets.push(verifier, back.searchParams.get('code'))
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
const tokens = kept(await oidc.authorizationCodeGrant(config, back, checks))
assert.equal(tokens.claims().email, user)
assert.equal(await send({ accessToken: tokens.access_token }), 'sent')
assert.equal(await look(tokens.access_token), '1 messages')

const next = kept(await oidc.refreshTokenGrant(config, tokens.refresh_token))
assert.notEqual(next.refresh_token, tokens.refresh_token)
const last = kept(await oidc.refreshTokenGrant(config, next.refresh_token))
assert.equal(await look(last.access_token), '1 messages')
await oidc.tokenRevocation(config, last.access_token)
const revoked = await look(last.access_token)

const other = kept(await fromDevice)
assert.equal(await look(other.access_token), '1 messages')
console.log(JSON.stringify({ token: other.access_token, revoked, secrets }))
