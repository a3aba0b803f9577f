// Served from https:\/\/cdn.anexpay.net\/assets\/app.js
(function () {
  var api = "https:\/\/api.anexpay.net";
  fetch(api + "/crypto/polygon/pol/info.php")
    .then(function (answer) { return answer.json(); })
    .then(function (coin) {
      document.getElementById("pol-price").textContent = coin.prices.USD;
    });
})();
