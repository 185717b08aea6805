// Signs in with a browser, as a person does: node oauth/page.mjs RIG USER PASSWORD, with CHROMIUM. The client is this script: it waits for
// the browser on a loopback port (RFC 8252 section 7.3). Prints one line of JSON.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [rig, user, password] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const secrets = []

// The client's page, to which the browser comes back with a query or a form.
let back = () => {}
const client = createServer(async (request, answer) => {
  const url = new URL(request.url, 'http://localhost')
  let body = ''
  for await (const part of request) body += part
  answer.end('<!DOCTYPE html><title>Back at the client</title><p>You can close this page.')
  if (url.pathname === '/callback') back(new URLSearchParams(body || url.search), request.method)
})
await new Promise(resolve => client.listen(0, '127.0.0.1', resolve))
const redirect = `http://127.0.0.1:${client.address().port}/callback`

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-background-networking'] })
const context = await browser.newContext({ viewport: { width: 390, height: 844 } })
context.setDefaultTimeout(60_000)
const page = await context.newPage()
const complaints = []
page.on('console', m => { if (m.type() === 'error' && !m.text().includes('favicon')) complaints.push(m.text()) })
page.on('pageerror', e => complaints.push(String(e)))

// begin opens the sign-in page. returned resolves when the browser comes back to the client.
const begin = async more => {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(8).toString('hex')
  const returned = new Promise(resolve => { back = (params, method) => resolve({ params, method }) })
  const query = new URLSearchParams({
    response_type: 'code', client_id: 'a-client', redirect_uri: redirect, scope: 'imap pop smtp', state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...more
  })
  await page.goto(`${rig}/oauth2/authorize?${query}`)
  return { verifier, state, returned }
}
const fill = async word => {
  await page.getByLabel('Account').fill(user)
  await page.getByLabel('Password').fill(word)
}
const click = name => page.getByRole('button', { name, exact: true }).click()
const came = async asked => {
  const { params, method } = await asked.returned
  await page.getByText('You can close this page.').waitFor()
  assert.equal(params.get('state'), asked.state)
  assert.equal(params.get('iss'), rig)
  return { params, method }
}
const exchange = async (code, verifier) => {
  const form = { grant_type: 'authorization_code', client_id: 'a-client', redirect_uri: redirect, code, code_verifier: verifier }
  const answer = await fetch(rig + '/oauth2/token', { method: 'POST', body: new URLSearchParams(form) })
  const tokens = await answer.json()
  assert.equal(answer.status, 200, tokens.error)
  secrets.push(code, verifier, tokens.access_token, tokens.refresh_token)
  return tokens.access_token
}

const steps = {
  async 'a wrong password, and then the right one'() {
    const asked = await begin({ login_hint: user })
    assert.equal(await page.getByLabel('Account').inputValue(), user)
    await page.getByText('a-client').waitFor()
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }))
    assert.deepEqual(violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.help), [])
    await fill('wrong-canary')
    await click('Allow')
    await page.getByRole('alert').getByText('wrong').waitFor()
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    await fill(password)
    await click('Allow')
    const { params } = await came(asked)
    return exchange(params.get('code'), asked.verifier)
  },
  async 'the user refuses'() {
    const asked = await begin()
    await click('Deny')
    const { params } = await came(asked)
    assert.equal(params.get('error'), 'access_denied')
    assert.equal(params.get('code'), null)
  },
  async 'a form comes back'() {
    const asked = await begin({ response_mode: 'form_post' })
    await fill(password)
    await click('Allow')
    const { params, method } = await came(asked)
    assert.equal(method, 'POST')
    await exchange(params.get('code'), asked.verifier)
  },
  async 'a one-time code'() {
    const rules = 'name: second-factor\ntitle: t\nstory: s\nrules:\n  - issuer: {sign-in: mfa}\n'
    const used = await fetch(rig + '/api/v1/scenario', { method: 'PUT', headers: { 'Content-Type': 'application/yaml' }, body: rules })
    assert.equal(used.status, 200, await used.text())
    const asked = await begin()
    await fill(password)
    await click('Allow')
    await page.getByRole('alert').getByText('six digits').waitFor()
    await fill(password)
    await page.getByLabel('One-time code').fill('123456')
    await click('Allow')
    await exchange((await came(asked)).params.get('code'), asked.verifier)
    await fetch(rig + '/api/v1/scenario', { method: 'DELETE' })
  },
  async 'a device is let in'() {
    const device = await (await fetch(rig + '/oauth2/device', { method: 'POST', body: new URLSearchParams({ client_id: 'a-device', scope: 'imap' }) })).json()
    await page.goto(device.verification_uri)
    await page.getByLabel('Code on the device').fill(device.user_code.toLowerCase())
    await click('Continue')
    await fill(password)
    await click('Allow')
    await page.getByText('The device is connected').waitFor()
    const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'a-device', device_code: device.device_code }
    const tokens = await (await fetch(rig + '/oauth2/token', { method: 'POST', body: new URLSearchParams(form) })).json()
    secrets.push(device.device_code, tokens.access_token, tokens.refresh_token)
  },
  async 'a redirect to a foreign site is refused'() {
    await begin({ redirect_uri: 'https://attacker.example.com/' })
    await page.getByText("This sign-in can't begin").first().waitFor()
    assert.equal(new URL(page.url()).origin, rig)
  }
}

let token
for (const [name, step] of Object.entries(steps)) {
  try {
    token = await step() ?? token
  } catch (e) {
    console.error(`${name}: ${e.stack}\n${await page.content()}`)
    process.exitCode = 1
    break
  }
}
assert.deepEqual(complaints.filter(c => !c.includes('400')), [])
await browser.close()
client.close()
client.closeAllConnections()
console.log(JSON.stringify({ token, secrets: [...secrets, password, 'wrong-canary'] }))
