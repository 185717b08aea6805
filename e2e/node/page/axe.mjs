// What axe-core finds, and what is too wide, in the page that the browser shows.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// looks are the sizes and themes in which a view is examined. Nothing but the contrast depends on the theme.
export const looks = [
  { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  { viewport: { width: 390, height: 844 }, colorScheme: "light" },
];

// faultsOf returns what is seriously wrong with what the page shows, in one of the looks.
export async function faultsOf(page, name, look) {
  await page.evaluate(axe);
  const rules = look.colorScheme === "light" ? {} : { runOnly: ["color-contrast"] };
  const { violations } = await page.evaluate((rules) => axe.run(document, { iframes: false, resultTypes: ["violations"], ...rules }), rules);
  const at = `${name} ${look.viewport.width} ${look.colorScheme}`;
  const faults = violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => `${at}: ${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).slice(0, 2).join("; ")}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) faults.push(`${at}: ${over} px too wide`);
  return faults;
}
