// Ticks the criteria off while the password is typed. The gateway judges again when the form is sent.
"use strict";
(function () {
  const password = document.getElementById("password");
  const repeated = document.getElementById("repeated");
  if (!password || !repeated) {
    return;
  }
  // What is said comes with the page, in its language.
  const words = document.getElementById("criteria").dataset;
  const number = (item) => parseInt((item.firstChild.textContent.match(/\d+/) || ["1"])[0], 10);
  const checks = {
    length: (text, item) => Array.from(text).length >= number(item),
    bytes: (text, item) => new TextEncoder().encode(text).length <= number(item),
    upper: (text) => /\p{Lu}/u.test(text),
    lower: (text) => /\p{Ll}/u.test(text),
    digit: (text) => /\p{N}/u.test(text),
    symbol: (text) => /[^\p{L}\p{N}\s]/u.test(text),
  };
  const judge = () => {
    for (const item of document.querySelectorAll("#criteria li")) {
      const check = checks[item.dataset.criterion];
      const state = item.querySelector(".state");
      if (!check || password.value === "") {
        item.className = "";
        state.textContent = "";
        continue;
      }
      const met = check(password.value, item);
      item.className = met ? "met" : "unmet";
      state.textContent = ` (${met ? words.met : words.unmet})`;
    }
    const differs = repeated.value !== "" && repeated.value !== password.value;
    repeated.setCustomValidity(differs ? words.different : "");
  };
  password.addEventListener("input", judge);
  repeated.addEventListener("input", judge);
})();
