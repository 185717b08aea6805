// Drives Mailpit's client for Node against mailrig. Prints one line of JSON.
// Usage: node mailpit.mjs HTTP
import { MailpitClient } from 'mailpit-api'

const [base] = process.argv.slice(2)
const methods = Object.getOwnPropertyNames(MailpitClient.prototype).filter(name => name !== 'constructor')
const called = new Set()
const mail = new Proxy(new MailpitClient(base), {
  get (client, name) {
    called.add(name)
    return typeof client[name] === 'function' ? client[name].bind(client) : client[name]
  }
})
const saw = []
const see = (what, value) => saw.push(`${what}: ${value}`)
const failed = async f => { try { await f(); return 'no error' } catch (e) { return e.message.split(' at ')[0] } }
try {
  const me = `me-${process.pid}@example.test`
  const { ID } = await mail.sendMessage({
    From: { Email: 'shop@example.test', Name: 'Shöp' }, To: [{ Email: me }], Subject: 'Your code',
    HTML: '<p>Code <b>493021</b>, <a href="https://example.test/v?a=1&amp;b=2">verify</a></p><img src="cid:pic">',
    Attachments: [{ Content: Buffer.from('hello').toString('base64'), Filename: 'h.txt', ContentType: 'text/plain' },
      { Content: 'R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', Filename: 'p.gif', ContentType: 'image/gif', ContentID: 'pic' }],
    Tags: ['Alpha']
  })
  await mail.sendMessage({ From: { Email: 'a@example.test' }, To: [{ Email: 'other@example.test' }], Subject: 'not mine', Text: 'x' })
  const found = await mail.waitForMessage({ query: `to:${me}` }, { timeout: 5000, interval: 20 })
  see('wait', found.ID === ID)
  const m = await mail.getMessageSummary(ID)
  see('code', m.Text.match(/\d{6}/)[0])
  see('link', m.Text.match(/https:\S+/)[0])
  see('parts', [...m.Inline, ...m.Attachments].map(p => p.FileName))
  see('headers', (await mail.getMessageHeaders(ID)).From)
  see('source', (await mail.getMessageSource(ID)).includes('Subject: Your code'))
  see('attachment', await (await mail.getMessageAttachment(ID, m.Attachments[0].PartID)).text())
  see('thumbnail', (await mail.getAttachmentThumbnail(ID, m.Inline[0].PartID)).type)
  see('html', (await mail.renderMessageHTML(ID)).includes(`/api/v1/message/${ID}/part/`))
  see('text', (await mail.renderMessageText('latest')).trim())
  see('unread', (await mail.searchMessages({ query: 'is:unread' })).messages_count)
  await mail.setReadStatus({ IDs: [ID], Read: false })
  see('unread', (await mail.searchMessages({ query: 'is:unread' })).messages_count)
  await mail.setTags({ IDs: [ID], Tags: ['Beta', 'two words'] })
  await mail.renameTag('beta', 'Gamma')
  await mail.deleteTag('two words')
  see('tags', await mail.getTags())
  see('several', (await mail.waitForMessages({ count: 2, exact: true }, { timeout: 5000, interval: 20 })).messages.length)
  see('checks', [await failed(() => mail.htmlCheck(ID)), await failed(() => mail.spamAssassinCheck(ID)), await failed(() => mail.linkCheck(ID))])
  const chaos = t => [t.Sender, t.Recipient, t.Authentication].map(each => `${each.ErrorCode} ${each.Probability}%`)
  see('chaos', chaos(await mail.getChaosTriggers()))
  see('chaos', chaos(await mail.setChaosTriggers({ Recipient: { ErrorCode: 550, Probability: 100 } })))
  see('chaos', await failed(() => mail.setChaosTriggers({ Sender: { ErrorCode: 200, Probability: 5 } })))
  see('chaos', chaos(await mail.setChaosTriggers()))
  see('release', await failed(() => mail.releaseMessage(ID, { To: ['x@example.test'] })))
  see('configuration', (await mail.getConfiguration()).ChaosEnabled)
  await mail.deleteMessagesBySearch({ query: `to:${me}` })
  see('left', (await mail.listMessages()).messages.map(m => m.Subject))
  await mail.deleteMessages()
  see('info', (await mail.getInfo()).Messages)
  see('latest', await failed(() => mail.getMessageSummary()))
  see('not called', methods.filter(name => !called.has(name)))
  console.log(JSON.stringify({ ok: true, text: saw.join('\n') }))
} catch (e) {
  console.log(JSON.stringify({ error: e.name, text: [...saw, e.stack].join('\n') }))
  process.exitCode = 1
}
