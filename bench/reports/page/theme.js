// Light or dark: as the system has it, as the switch says, and light on paper. The same on every page; who draws sets `recoloured`.

let recoloured = () => {};
let printing = false;
const dark = () => (document.documentElement.dataset.theme
  ? document.documentElement.dataset.theme === "dark"
  : window.matchMedia("(prefers-color-scheme: dark)").matches);
const theme = () => (dark() && !printing ? "dark" : "light");

const themes = document.getElementById("theme");
const setTheme = (asked) => {
  const wanted = ["light", "dark"].includes(asked) ? asked : "auto";
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  themes.value = wanted;
  return wanted;
};
themes.addEventListener("change", (event) => {
  const wanted = setTheme(event.target.value);
  try { localStorage.setItem("vbench-theme", wanted); } catch { /* a page from the disk may have no storage; the switch works without */ }
  recoloured();
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recoloured());
let stored = null;
try { stored = localStorage.getItem("vbench-theme"); } catch { /* as above */ }
setTheme(stored);
