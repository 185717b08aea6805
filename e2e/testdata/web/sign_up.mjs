import assert from "node:assert";
const rig = process.env.MAILRIG_HTTP, me = process.argv[2];
const call = async (path, init) => (await fetch(rig + path, init)).json();
const { next } = await call("/api/v1/mail?limit=0");
const body = JSON.stringify({ from: "shop@example.test", to: [me], subject: "Welcome", html: '<p>Your code: <b>482913</b>, or <a href="https://shop.test/c?u=1">confirm</a></p>' });
await call("/api/v1/mail", { method: "POST", body }); // here your app sends the mail
const { met, text, messages: [mail] } = await call(`/api/v1/wait?message=to:${me}+subject:Welcome&after=${next}`);
assert(met, text);
assert.deepEqual([mail.codes, mail.links], [["482913"], ["https://shop.test/c?u=1"]]);
assert.equal((await call(`/api/v1/mail?user=${me}`, { method: "DELETE" })).deleted, 1);
