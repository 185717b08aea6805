// Runs the commands of cypress-mailpit against mailrig, without a browser: what they ask of Cypress is done here. Prints one line of
// JSON.
// Usage: node cypress.mjs HTTP
import { readFileSync } from 'node:fs'

const [base] = process.argv.slice(2)
const settings = { MAILPIT_URL: base, defaultCommandTimeout: 5000 }
globalThis.Cypress = { expose: key => settings[key], config: key => settings[key] }
globalThis.cy = {
  env: async () => ({}),
  wrap: async value => value,
  wait: ms => new Promise(resolve => setTimeout(resolve, ms)),
  // Like Cypress: redirects are followed, JSON is parsed, and any other status than 2xx fails.
  async request({ method, url, qs, body }) {
    const target = new URL(url)
    for (const key in qs) target.searchParams.set(key, qs[key])
    const sent = body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
    const answer = await fetch(target.href.replace(target.origin, base), { method, ...sent })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${answer.status} ${text.trim()}`)
    return { status: answer.status, body: answer.headers.get('content-type').includes('json') ? JSON.parse(text) : text }
  }
}
const source = readFileSync(new URL('node_modules/cypress-mailpit/dist/src/MailpitCommands.js', import.meta.url))
const { MailpitCommands } = await import('data:text/javascript;base64,' + source.toString('base64'))
const mail = new MailpitCommands()
const saw = []
const see = (what, value) => saw.push(`${what}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
const subjects = list => [list.messages_count, ...list.messages.map(m => m.Subject)]
const soon = { timeout: 5000, interval: 50 }
try {
  see('delete all', (await mail.mailpitDeleteAllEmails()).body)
  const first = await mail.mailpitSendMail()
  const second = await mail.mailpitSendMail({
    subject: 'Second one', textBody: 'two', htmlBody: '<p>two</p>', to: [{ Email: 'kate@example.com', Name: 'Kate' }],
    attachments: [{ Filename: 'a.txt', Content: 'aGVsbG8=' }], headers: { 'X-A': 'b' }, tags: ['t1']
  })
  see('all', subjects(await mail.mailpitGetAllMails()))
  const m = await mail.mailpitGetMail()
  see('latest', m.ID === second.ID)
  see('one', (await mail.mailpitGetMail(first.ID)).Subject)
  see('by subject', subjects(await mail.mailpitGetEmailsBySubject('Second one')))
  see('by address', subjects(await mail.mailpitGetEmailsByTo('jane@example.com')))
  see('has subject', subjects(await mail.mailpitHasEmailsBySubject('Hello Mailpit', 0, 50, soon)))
  see('has address', subjects(await mail.mailpitHasEmailsByTo('kate@example.com', 0, 50, soon)))
  see('has search', subjects(await mail.mailpitHasEmailsBySearch('has:attachment', 0, 50, soon)))
  see('has no subject', subjects(await mail.mailpitNotHasEmailsBySubject('zzz', 0, 50, soon)))
  see('has no search', subjects(await mail.mailpitNotHasEmailsBySearch('tag:zz', 0, 50, soon)))
  see('has no address', await mail.mailpitNotHasEmailsByTo('kate@example.com', 0, 50, { timeout: 60, interval: 20 }).catch(e => e.message))
  for (const part of ['Subject', 'FromAddress', 'RecipientAddress', 'Attachments', 'MailHTMlBody', 'MailTextBody']) see(part, await mail['mailpitGet' + part](m))
  see('spam', await mail.mailpitGetMailSpamAssassinSummary(m).catch(e => e.message))
  see('unread', await mail.mailpitSetStatusAsUnRead(m))
  see('read', await mail.mailpitSetStatusAsRead((await mail.mailpitGetAllMails()).messages))
  see('all unread', await mail.mailpitSetAllEmailStatusAsUnRead())
  see('all read', await mail.mailpitSetAllEmailStatusAsRead())
  see('delete some', (await mail.mailpitDeleteEmailsBySearch('subject:Second')).body)
  see('left', subjects(await mail.mailpitGetAllMails()))
  console.log(JSON.stringify({ ok: true, text: saw.join('\n') }))
} catch (e) {
  console.log(JSON.stringify({ error: e.name, text: [...saw, e.stack].join('\n') }))
  process.exitCode = 1
}
