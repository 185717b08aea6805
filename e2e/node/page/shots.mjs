// Takes screenshots of the page: node page/shots.mjs BASE FOLDER NAME=PATH… ; each at 1280 and 390 px, light and dark.
import { chromium } from "playwright-core";

const [base, folder, ...views] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [width, height] of [[1280, 800], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    for (const view of views) {
      const [name, path] = view.split(/=(.*)/s);
      await page.goto(base + path);
      await page.waitForSelector("#state[data-state=live], #state[data-state=still]", { state: "attached" });
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png` });
    }
    await page.close();
  }
}
await browser.close();
