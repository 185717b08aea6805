// Takes the pictures of the page that are in docs/: node page/shots.mjs BASE REPORT FOLDER. BASE is a rig in which something has happened,
// REPORT a trial's report.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [base, report, folder] = process.argv.slice(2);
const find = async (path) => (await fetch(base + path)).json();
const session = (await find("/api/v1/findings")).findings.find((f) => f.id === "tls-on-clear-port").sessions[0];
const message = (await find("/api/v1/mail?match=subject:code")).messages[0].id;
const desktop = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const phone = { viewport: { width: 390, height: 760 }, colorScheme: "dark", deviceScaleFactor: 1.5 };
const shots = [
  ["now", base + "/", desktop],
  ["sessions", base + "/sessions", desktop],
  ["session", `${base}/sessions/${session}`, desktop],
  ["mail", `${base}/m/${message}`, desktop],
  ["scenarios", base + "/scenarios/greylisting?group=smtp", desktop],
  ["editor", base + "/scenarios/new?from=greylisting", desktop],
  ["setup", base + "/setup/nodemailer", desktop],
  ["trial", pathToFileURL(report).href, desktop],
  ["now-phone", base + "/", phone],
  ["session-phone", `${base}/sessions/${session}`, phone],
  ["mail-phone", `${base}/m/${message}`, phone],
];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-background-networking"] });
const converter = await browser.newPage();

// webp makes a small file of a picture.
const webp = async (png) => Buffer.from(await converter.evaluate(async (png) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality: 0.85 })).arrayBuffer());
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}, png.toString("base64")), "base64");

for (const [name, address, look] of shots) {
  const context = await browser.newContext({ ...look, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(address);
  if (address.startsWith(base)) await page.waitForSelector("#state[data-state=live], #state[data-state=still]", { state: "attached" });
  for (const frame of await page.locator("iframe").all()) await frame.contentFrame().locator("body").waitFor();
  writeFileSync(`${folder}/${name}.webp`, await webp(await page.screenshot()));
  await context.close();
}
await browser.close();
