// The search of the book's site.
(function () {
  "use strict";

  // Sphinx' search looks for words between blanks, which Chinese does not have,
  // and Pagefind needs a server. The book is small: its text lies in a script,
  // and what holds all words of the query, anywhere, is found.
  function search(query, results) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const list = document.createElement("ul");
    list.className = "search";
    let count = 0;
    for (const section of words.length ? window.bookIndex : []) {
      const text = (section.heading + "\n" + section.text).toLowerCase();
      if (!words.every((w) => text.includes(w))) continue;
      count++;
      const at = Math.max(0, section.text.toLowerCase().indexOf(words[0]));
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = section.page + ".html#:~:text=" + encodeURIComponent(section.find);
      link.textContent = section.title + (section.heading === section.title ? "" : " › " + section.heading);
      const context = document.createElement("p");
      context.className = "context";
      context.textContent = (at > 60 ? "… " : "") + section.text.slice(Math.max(0, at - 60), at + 140).trim() + " …";
      item.append(link, context);
      list.append(item);
    }
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
