// Numbers as the rest of vbench writes them (bench/units.py), and quantities as people type them.

const told = JSON.parse(document.getElementById("data").textContent);
const MISSING = "–";
const DIGITS = 3;
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// Digits after the point that show so many significant ones, after rounding to that many.
const decimals = (number, digits) => {
  const exponent = number ? Number(number.toExponential(digits - 1).split("e")[1]) : 0;
  return Math.max(0, digits - 1 - exponent);
};

const inWords = (number) => (Math.abs(number) >= 1e-3 && Math.abs(number) < 1e6) || !number;

const general = (number, digits) => {
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  if (Number(exponent) < -4 || Number(exponent) >= digits) {
    const sign = exponent[0];
    return `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${sign}${exponent.slice(1).padStart(2, "0")}`;
  }
  return String(Number(number.toPrecision(digits)));
};

const decimal = (number, digits) =>
  !number ? "0" : inWords(number) ? number.toFixed(Math.min(100, decimals(number, digits))) : general(number, digits);

// The largest step in which the value, rounded, is at least 1: its factor and its text.
const step = (value, unit, digits = DIGITS) => {
  const steps = told.scales[unit] || [[1, unit ? ` ${unit.trim()}` : ""]];
  if (!value) return steps.find(([factor]) => factor === 1);
  const fits = ([factor]) => Math.abs(Number((value / factor).toExponential(digits - 1))) >= 1;
  return [...steps].reverse().find(fits) || steps[0];
};

// A share is a part of one, and is read in percent.
const inPercent = (value, unit) => (unit === "share" ? [value === null ? null : value * 100, "%"] : [value, unit]);

const quantity = (given, of, digits = DIGITS) => {
  const [value, unit] = inPercent(given, of);
  if (!isNumber(value)) return MISSING;
  const [factor, text] = step(value, unit, digits);
  if (factor === 1 && Number.isInteger(value) && (unit === "" || unit === "B")) return `${value}${text}`;
  return decimal(value / factor, digits) + text;
};

const interval = (value, low, high, unit) => {
  if (![value, low, high].every(isNumber)) return quantity(value, unit);
  const widest = [value, low, high].reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  const [factor, text] = step(Math.abs(value) * 1e6 > Math.abs(widest) ? value : widest, unit);
  const [middle, ...ends] = [value, low, high].map((number) => number / factor);
  const half = Math.abs(ends[1] / 2 - ends[0] / 2);
  const places = half ? Math.min(decimals(half, 1), decimals(middle, 2 * DIGITS)) : decimals(middle, DIGITS);
  const write = (number) => (inWords(widest / factor) ? number.toFixed(Math.min(100, places)) : general(number, DIGITS));
  return `${write(middle)}${text} [${write(ends[0])}, ${write(ends[1])}]`;
};

// "20ms", "500 MB", "25M" or a bare number in the base unit; null where it is none of these.
const PREFIX = { n: 1e-9, u: 1e-6, "µ": 1e-6, m: 1e-3, "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const parse = (text, unit) => {
  const found = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*([nuµmkKMGT]?)(i?)\s*([a-zA-Z%/]*)\s*$/.exec(text);
  if (!found) return null;
  const [, number, prefix, binary, rest] = found;
  if (unit === "s" && prefix === "m" && /^in$/i.test(binary + rest)) return Number(number) * 60;
  if (rest && rest.toLowerCase() !== unit.toLowerCase()) return null;
  const small = unit === "B" && prefix && prefix !== "n" ? prefix.toUpperCase() : prefix;
  return Number(number) * (binary ? 1024 ** "_KMGT".indexOf(small.toUpperCase()) : PREFIX[small]);
};
