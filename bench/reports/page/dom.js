// An element with its attributes, its listeners and what is in it. Whatever comes from a file is set as text.

const make = (tag, attributes = {}, ...children) => {
  const found = document.createElement(tag);
  for (const [name, one] of Object.entries(attributes)) {
    if (name === "class") found.className = one;
    else if (name.startsWith("on")) found.addEventListener(name.slice(2), one);
    else if (one === true) found.setAttribute(name, "");
    else if (one !== false && one !== undefined) found.setAttribute(name, one);
  }
  found.append(...children);
  return found;
};
