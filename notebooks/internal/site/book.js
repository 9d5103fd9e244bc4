// The search of the book's site.
(function () {
  "use strict";

  // excerpt returns the words around the first that was looked for.
  function excerpt(text, words) {
    const small = text.toLowerCase();
    const together = small.indexOf(words.join(" "));
    const places = (together >= 0 ? [together] : words.map((w) => small.indexOf(w))).filter((i) => i >= 0);
    const first = places.length ? Math.min(...places) : 0; // none if only the heading has it
    let from = first > 60 ? text.indexOf(" ", first - 60) + 1 : 0;
    if (from > first) from = first; // Chinese has no blanks
    let to = text.lastIndexOf(" ", from + 200);
    if (to <= first || text.length - from <= 200) to = from + 200;
    return mark((from > 0 ? "… " : "") + text.slice(from, to).trim() + (to < text.length ? " …" : ""), words);
  }

  function lineOfCode(code, words) {
    const lines = code.split("\n");
    const line = lines.find((l) => words.every((w) => l.toLowerCase().includes(w))) || lines.find((l) => l.toLowerCase().includes(words[0])) || "";
    const node = document.createElement("code");
    node.append(mark(line.trim(), words));
    return node;
  }

  // mark returns the text with the words in it marked.
  function mark(text, words) {
    const all = new DocumentFragment();
    const small = text.toLowerCase();
    let done = 0;
    while (small.length === text.length) {
      const next = words.map((w) => ({ w, at: small.indexOf(w, done) })).filter((n) => n.at >= 0).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      const node = document.createElement("mark");
      node.textContent = text.slice(next.at, next.at + next.w.length);
      all.append(text.slice(done, next.at), node);
      done = next.at + next.w.length;
    }
    all.append(text.slice(done));
    return all;
  }

  // Sphinx' search looks for words between blanks, which Chinese does not have,
  // and Pagefind needs a server. The book is small: its text lies in a script,
  // and what holds all words of the query, anywhere, is found.
  function search(query, results) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const list = document.createElement("ul");
    list.className = "search";
    const holds = (text) => words.every((w) => text.toLowerCase().includes(w));
    const found = (words.length ? window.bookIndex : [])
      .filter((s) => holds(s.heading + "\n" + s.text + "\n" + s.code))
      .map((s) => ({ s, rank: holds(s.heading) ? 0 : holds(s.heading + "\n" + s.text) ? 1 : 2 }))
      .sort((a, b) => a.rank - b.rank); // headings, then prose, then code; in each the book's order
    for (const { s, rank } of found) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = s.page + ".html#:~:text=" + encodeURIComponent(s.find);
      link.textContent = s.title + (s.heading === s.title ? "" : " › " + s.heading);
      const context = document.createElement("p");
      context.className = "context";
      context.append(rank < 2 ? excerpt(s.text, words) : lineOfCode(s.code, words));
      item.append(link, context);
      list.append(item);
    }
    const count = found.length;
    const title = document.createElement("h1");
    title.textContent = "Search";
    const summary = document.createElement("p");
    summary.className = "search-summary";
    summary.textContent = count + (count === 1 ? " section holds " : " sections hold ") + "“" + query + "”.";
    results.replaceChildren(title, summary, list);
  }

  document.addEventListener("DOMContentLoaded", function () {
    const results = document.getElementById("search-results");
    if (results && window.bookIndex) {
      // Sphinx' own search writes there, too, in its own time: give it another place.
      const ours = document.createElement("div");
      results.replaceWith(ours);
      search(new URLSearchParams(location.search).get("q") || "", ours);
    }
  });
})();
