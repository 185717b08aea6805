// Examines pages that are files, with everything in them unfolded: node page/files.mjs FILE…
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { faultsOf, looks } from "./axe.mjs";

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-background-networking"] });
const faults = [];
for (const look of looks) {
  const context = await browser.newContext({ ...look, bypassCSP: true }); // axe is a script, and the files allow none
  const page = await context.newPage();
  page.on("request", (r) => { if (!r.url().startsWith("file:")) faults.push(`asks for ${r.url()}`); });
  for (const file of process.argv.slice(2)) {
    await page.goto(pathToFileURL(file).href);
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    faults.push(...await faultsOf(page, file, look));
  }
  await context.close();
}
await browser.close();
console.log(faults.join("\n"));
process.exit(faults.length ? 1 : 0);
