// Says when the results have changed since this page was made: it asks every few seconds, while somebody looks at the page. It does
// not show them by itself, since that would take away what is being read.
{
  const SECONDS = 10;
  const own = document.querySelector("[data-state]").dataset.state;
  const notice = document.getElementById("changed");
  const tell = (text, button) => {
    if (notice.textContent === text) return;
    notice.replaceChildren();
    if (!button) { notice.textContent = text; return; }
    const show = document.createElement("button");
    show.type = "button";
    show.textContent = text;
    show.addEventListener("click", () => location.reload());
    notice.append(show);
  };
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("state.json");
      if (!answer.ok) return;
      const { state } = await answer.json();
      if (state === own) tell("");
      else tell("The results have changed: show them", true);
    } catch {
      tell("The server does not answer.");
    }
  };
  setInterval(ask, SECONDS * 1000);
  document.addEventListener("visibilitychange", ask);
}
