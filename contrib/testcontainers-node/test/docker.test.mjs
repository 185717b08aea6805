// Starts a container in Docker.
import assert from "node:assert/strict";
import { test } from "node:test";

import { MailrigContainer } from "../dist/index.js";

const image = process.env.MAILRIG_IMAGE;

test("a container in Docker", { skip: image ? false : "it needs Docker: set MAILRIG_IMAGE to an image of mailrig" }, async () => {
  const rig = await new MailrigContainer(image).start();
  assert.match(await rig.getCa(), /BEGIN CERTIFICATE/);
  await rig.stop();
});
