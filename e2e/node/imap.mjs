// Use a mailbox with imapflow as a mail program does. Prints one line of JSON.
// Usage: node imap.mjs PORT starttls|tls CA USER PASSWORD FILE
// FILE gets the newest message of INBOX; a second connection then moves it while
// the first idles and has to notice.
import { readFileSync, writeFileSync } from 'node:fs'
import assert from 'node:assert/strict'
import { ImapFlow } from 'imapflow'

const [port, mode, ca, user, pass, file] = process.argv.slice(2)
const connect = async () => {
  const c = new ImapFlow({
    host: 'localhost',
    port: Number(port),
    secure: mode === 'tls',
    doSTARTTLS: mode === 'starttls' ? true : undefined,
    auth: { user, pass },
    tls: { ca: readFileSync(ca) },
    logger: false
  })
  await c.connect()
  return c
}
const a = await connect().catch(e => {
  console.log(JSON.stringify({ error: e.serverResponseCode ?? e.code ?? e.message, text: e.responseText ?? e.message }))
  process.exit(1)
})
const b = await connect()
const uses = new Set((await a.list()).map(m => m.specialUse))
for (const use of ['\\Inbox', '\\Drafts', '\\Sent', '\\Junk', '\\Trash', '\\Archive']) assert(uses.has(use), use)

await a.mailboxOpen('INBOX')
const count = a.mailbox.exists
assert(count > 0, 'INBOX is empty')
const newest = await a.fetchOne('*', { uid: true, flags: true, envelope: true, bodyStructure: true, source: true })
writeFileSync(file, newest.source)
assert(!newest.flags.has('\\Seen'))
assert.equal((await a.search({ seen: false })).length, count)

const gone = new Promise((resolve, reject) => {
  a.once('expunge', resolve)
  setTimeout(() => reject(new Error('no expunge while idling')), 20000).unref()
})
const idling = a.idle()
const lock = await b.getMailboxLock('INBOX')
assert(await b.messageFlagsAdd({ uid: String(newest.uid) }, ['\\Flagged'], { uid: true }))
const moved = await b.messageMove({ uid: String(newest.uid) }, 'Archive', { uid: true })
assert(moved.uidMap.get(newest.uid) > 0, 'UIDPLUS tells the new UID')
lock.release()
await gone
await a.noop()
await idling
await a.mailboxOpen('Archive')
const there = await a.fetchOne(String(moved.uidMap.get(newest.uid)), { flags: true, source: true }, { uid: true })
assert(there.flags.has('\\Flagged'))
assert(there.source.equals(newest.source))
const appended = await a.append('Drafts', 'Subject: draft\r\n\r\nnot yet\r\n', ['\\Draft'])
assert(appended.uid > 0)
assert.equal((await a.status('Drafts', { messages: true })).messages, 1)
await a.logout()
await b.logout()
console.log(JSON.stringify({ ok: true }))
