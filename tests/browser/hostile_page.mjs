// A page that names the gateway in every spelling a browser might read, and what a browser reads in it.
const HOST = 'anexpay.net';
const each = (write) => [...HOST].map(write).join('');
const hex = (letter, width = 2) => letter.codePointAt(0).toString(16).padStart(width, '0');
const wide = (text) => text.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.codePointAt(0) + 0xfee0));
const encoded = (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');
const bold = (text) => text.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.codePointAt(0) - 97 + 0x1d41a));

/** Spellings of a URL as the source of an attribute in double quotes. */
export const URLS = {
  plain: `https://${HOST}/`, capitals: 'HTTPS://ANEXPAY.NET/', subdomain: `https://checkout.${HOST}/`, http: `http://${HOST}/`,
  websocket: `wss://${HOST}/`, tab: 'https://anex\tpay.net/', lineBreak: 'https://anex\npay.net/', tabInScheme: `ht\ttps://${HOST}/`,
  softHyphen: 'https://anex\u00adpay.net/', zeroWidth: 'https://anex\u200bpay.net/', joiner: 'https://anex\u2060pay.net/',
  variation: 'https://anex\ufe0fpay.net/', wide: `https://${wide(HOST)}/`, bold: `https://${bold(HOST)}/`,
  circled: 'https://ⓐnexpay.net/', script: 'https://anexpay.ℕet/', ideographic: 'https://anexpay。net/', wideDot: 'https://anexpay．net/',
  halfDot: 'https://anexpay｡net/', shy: 'https://anex&shy;pay.net/', shyBare: 'https://anex&shypay.net/', newLine: 'https://anex&NewLine;pay.net/',
  tabNamed: 'https://anex&Tab;pay.net/', period: 'https://anexpay&period;net/', letterNamed: 'https://&aopf;nexpay.net/',
  decimal: `https://${each((l) => `&#${l.codePointAt(0)};`)}/`, hex: `https://${each((l) => `&#x${hex(l)};`)}/`,
  decimalBare: 'https://anex&#112ay.net/', hexBare: 'https://anexpa&#x79.net/', zeroes: 'https://&#0000000097;nexpay.net/',
  percent: `https://${each((l) => `%${hex(l)}`)}/`, percentOne: 'https://%61nexpay.net/', percentWideDot: `https://anexpay${encoded('．')}net/`,
  percentIdeographic: `https://anexpay${encoded('。')}net/`, percentWide: `https://${encoded(wide(HOST))}/`,
  percentEntity: 'https://&#37;61nexpay.net/', percentNamed: 'https://&percnt;61nexpay.net/', percentSoftHyphen: 'https://anex%C2%ADpay.net/',
  twice: 'https://%2561nexpay.net/', backslashes: `https:\\\\${HOST}\\`, mixedSlashes: `https:/\\${HOST}/`, noSlashes: `https:${HOST}/`,
  manySlashes: `https://////${HOST}/`, user: `https://user:word@${HOST}/`, userOdd: `https://a%40b@${HOST}/`, port: `https://${HOST}:8443/`,
  relative: `//${HOST}/`, relativeBackslash: `\\\\${HOST}/`, relativeEntity: `&sol;&#x2f;${HOST}/`, dot: `https://${HOST}./`,
  spaces: `  https://${HOST}/  `, control: `&#1;https://${HOST}/`, query: `https://${HOST}?q`, fragment: `https://${HOST}#f`,
};

/** Spellings as the source of a string in double quotes in a script. */
export const SCRIPTS = {
  plain: HOST, x: each((l) => `\\x${hex(l)}`), u: each((l) => `\\u${hex(l, 4)}`), braces: each((l) => `\\u{${hex(l)}}`),
  bracesZeroes: 'anexp\\u{000061}y.net', octal: each((l) => `\\${l.codePointAt(0).toString(8).padStart(3, '0')}`), octalShort: 'anexpay\\56net',
  continued: 'anex\\\npay.net', continuedReturn: 'anex\\\r\npay.net', continuedSeparator: 'anex\\\u2028pay.net',
  continuedParagraph: 'anex\\\u2029pay.net', idle: '\\anexpay\\.net',
};
/** Spellings as the source of a string in double quotes in a style sheet. */
export const STYLES = {
  plain: HOST, escape: each((l) => `\\${hex(l)} `), six: each((l) => `\\${hex(l, 6)}`), dot: 'anexpay\\2e net', tab: 'anexpay\\2e\tnet',
  breakEnds: 'anexpay\\2e\nnet', continued: 'anex\\\npay.net', continuedFeed: 'anex\\\fpay.net', idle: 'a\\nex\\pay\\.\\net',
};
/** Spellings as the source of a string in JSON. */
export const JSONS = { plain: HOST, u: each((l) => `\\u${hex(l, 4)}`), percent: '%61nexpay.net', percentU: '\\u002561nexpay.net', wide: wide(HOST) };

/** Elements with a URL: their markup, and the property that holds the URL as the browser resolves it. */
const PLACES = {
  href: ['<a href="@" #></a>', 'href'], area: ['<area href="@" #>', 'href'], ping: ['<a ping="@" #></a>', 'ping'],
  img: ['<img src="@" #>', 'src'], srcset: ['<img srcset="@ 1x" #>', 'srcset'], source: ['<source srcset="@ 2x" #>', 'srcset'],
  action: ['<form action="@" #></form>', 'action'], formAction: ['<button formaction="@" #></button>', 'formAction'],
  input: ['<input type=image formaction="@" #>', 'formAction'], poster: ['<video poster="@" #></video>', 'poster'],
  object: ['<object data="@" #></object>', 'data'], link: ['<link rel=preconnect href="@" #>', 'href'], cite: ['<q cite="@" #></q>', 'cite'],
  audio: ['<audio src="@" preload=none #></audio>', 'src'], svg: ['<svg><a xlink:href="@" #></a></svg>', 'xlink'],
  data: ['<i data-url="@" #></i>', 'dataset'], refresh: ['<meta http-equiv=refresh content="9999;url=@" #>', 'refresh'],
  textarea: ['<textarea #>@</textarea>', 'value'], text: ['<p #>@</p>', 'textContent'], base: null,
};
const entries = Object.entries;
const inPlace = (place, markup) => entries(URLS).map(([name, url]) => markup.replace('@', () => url).replace('#', `data-key="${place} ${name}"`));
const inBase = ([name, url]) => `<iframe data-key="base ${name}" srcdoc="${`<base href='${url}'><a href='x'>`.replace(/&/g, '&amp;')}"></iframe>`;
const inScript = ([name, text]) => `<script>(window.read ??= {})["script ${name}"] = "${text}"</script>`;
const inSheet = ([name, text]) => `<style>.s-${name}::before{content:"${text}";background-image:url("https://${text}/s")}</style><b class=s-${name} data-key="sheet ${name}"></b>`;
const inStyle = ([name, text]) => `<b style='background-image:url("https://${text}/")' data-key="style ${name}"></b>`;
const inJson = ([name, text]) => `<script type=application/ld+json data-key="json ${name}">{"url":"https://${text}/"}</script>`;
const importMap = `{"imports":{${entries(JSONS).map(([name, text]) => `"${name}":"https://${text}/m.js"`)}}}`;
const inModule = `<script type=module>for (const name of ${JSON.stringify(Object.keys(JSONS))}) window.read["import " + name] = import.meta.resolve(name)</script>`;

/** The page. */
export const PAGE = ['<!doctype html><meta charset=utf-8><title>any &#97;nexpay&period;net</title>', `<script type=importmap>${importMap}</script>`]
  .concat(...entries(PLACES).filter(([, place]) => place).map(([name, [markup]]) => inPlace(name, markup)))
  .concat(entries(URLS).map(inBase), entries(SCRIPTS).map(inScript), entries(STYLES).flatMap((style) => [inSheet(style), inStyle(style)]))
  .concat(entries(JSONS).map(inJson), inModule).join('\n');

const PROPERTIES = Object.fromEntries(entries(PLACES).map(([name, place]) => [name, place?.[1] ?? 'base']));

/** All that the browser reads: by place and spelling, the URL or the text. */
export const readPage = (page) => page.evaluate(readAll, PROPERTIES);

function readAll(properties) {
  const resolved = (text) => (URL.canParse(text, document.baseURI) ? new URL(text, document.baseURI).href : text);
  const candidate = (text) => resolved(text.trim().split(/\s+/)[0]);
  const special = {
    ping: (element) => candidate(element.ping), srcset: (element) => candidate(element.srcset), cite: (element) => element.cite,
    xlink: (element) => resolved(element.href.baseVal), dataset: (element) => resolved(element.dataset.url),
    refresh: (element) => resolved(element.content.replace('9999;url=', '')), base: (element) => element.contentDocument.querySelector('a').href,
    json: (element) => resolved(JSON.parse(element.textContent).url), style: (element) => getComputedStyle(element).backgroundImage,
    sheet: (element) => ['content', 'backgroundImage'].map((name) => getComputedStyle(element, '::before')[name]).join(' '),
  };
  const read = { ...window.read, title: document.title };
  for (const element of document.querySelectorAll('[data-key]')) {
    const place = element.dataset.key.split(' ')[0];
    const property = properties[place] ?? place;
    read[element.dataset.key] = special[property]?.(element) ?? String(element[property]);
  }
  return read;
}
