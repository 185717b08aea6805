// Drives MailHog's client for Node against mailrig. Prints one line of JSON.
// Usage: node mailhog.mjs HTTP PORT, where PORT takes mail
import client from 'mailhog'
import nodemailer from 'nodemailer'

const [base, port] = process.argv.slice(2)
const mail = client({ host: new URL(base).hostname, port: Number(new URL(base).port) })
const smtp = nodemailer.createTransport({ host: '127.0.0.1', port: Number(port), ignoreTLS: true })
const saw = []
const see = (what, value) => saw.push(`${what}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
const subjects = list => [list.total, list.count, list.start, ...list.items.map(m => m.subject)]
const parts = m => [m.subject, m.from, m.to, m.cc ?? '', m.date.toISOString(), m.deliveryDate > m.date, m.text, m.html ?? '', m.attachments.map(a => `${a.name} ${a.Body}`)]
try {
  see('delete all', (await mail.deleteAll()).statusCode)
  see('none', await mail.messages())
  const date = new Date('2026-03-03T10:11:12Z')
  await smtp.sendMail({ from: 'alice@example.com', to: 'bob@example.com', subject: 'Plain', text: 'Hello', date })
  await smtp.sendMail({ from: 'Jürgen Müller <juergen@example.com>', to: 'Иван <ivan@example.com>', cc: 'eve@example.com', bcc: 'secret@example.com', subject: 'Grüße aus Köln', text: 'Straße, 100 %', date })
  await smtp.sendMail({ envelope: { from: 'bounce@example.com', to: 'bob@example.com' }, from: 'Login <login@example.com>', to: 'bob@example.com', subject: 'Your code is 493021', text: 'Your code is 493021.', html: '<p>Your code is <b>493021</b>.</p>', date })
  await smtp.sendMail({ from: 'shop@example.com', to: 'bob@example.com', subject: 'Terms', text: 'See them.', attachments: [{ filename: 'terms.txt', content: 'none' }], date })
  see('all', subjects(await mail.messages()))
  see('some', subjects(await mail.messages(1, 2)))
  see('to', subjects(await mail.search('BOB@example.com', 'to')))
  see('to, unnamed', subjects(await mail.search('secret@example.com', 'to')))
  see('from', subjects(await mail.search('bounce', 'from')))
  see('containing', subjects(await mail.search('493021')))
  see('bad kind', (await mail.search('x', 'cc')).statusCode)
  see('latest to', parts(await mail.latestTo('ivan@example.com')))
  see('latest from', parts(await mail.latestFrom('login@example.com')))
  see('latest containing', parts(await mail.latestContaining('see them')))
  see('nobody', await mail.latestTo('nobody@example.com'))
  const { ID } = await mail.latestTo('ivan@example.com')
  see('release', (await mail.releaseMessage(ID, { host: '127.0.0.1', port: '1', email: 'x@example.com' })).statusCode)
  see('delete', [(await mail.deleteMessage(ID)).statusCode, (await mail.deleteMessage(ID)).statusCode, (await mail.messages()).total])
  see('words', mail.decode(mail.encode('ü=', 'quoted-printable'), 'quoted-printable'))
  console.log(JSON.stringify({ ok: true, text: saw.join('\n') }))
} catch (e) {
  console.log(JSON.stringify({ error: e.name, text: [...saw, e.stack].join('\n') }))
  process.exitCode = 1
}
