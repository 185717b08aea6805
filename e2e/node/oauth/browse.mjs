// What a person does with the issuer's links, where any password may sign in and nobody types anything.
import assert from 'node:assert/strict'

// browse follows a link that asks with prompt=none, and returns where the client is called back.
export const browse = async link => {
  const answer = await fetch(link, { redirect: 'manual' })
  assert.equal(answer.status, 302, await answer.text())
  return new URL(answer.headers.get('location'))
}

// connect lets a device in that shows this code.
export const connect = async (page, code, user) => {
  const answer = await fetch(page, { method: 'POST', body: new URLSearchParams({ user_code: code, user, decision: 'allow' }) })
  assert.match(await answer.text(), /is connected/)
}
