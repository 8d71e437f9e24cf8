// A chart of the last quarter of an hour.

import uPlot from "../vendor/uplot.js";
import { html, useEffect, useRef } from "./ui.js";

const HEIGHT = 170;
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Return a colour of the style sheet as a canvas takes it. */
function colour(element, kind) {
  const probe = document.createElement("span");
  probe.className = `c-${kind}`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function options(element, series, value, dots) {
  const grid = { stroke: colour(element, "line"), width: 1 };
  const axis = { stroke: colour(element, "dim"), grid, ticks: { show: false }, font: "12px system-ui" };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_chart, _least, most) => [0, Math.max(most * 1.1, 0.001)] } },
    axes: [
      { ...axis, space: 80, values: (_chart, times) => times.map(minutes) },
      { ...axis, size: 64, values: (_chart, values) => values.map(value) },
    ],
    series: [
      { label: "Time", value: (_chart, time) => (time === null ? "–" : minutes(time, true)) },
      ...series.map(({ label, kind }) => ({
        label,
        stroke: colour(element, kind),
        width: 1.6,
        points: { show: dots, size: 4 },
        spanGaps: false,
        value: (_chart, number) => (number === null ? "–" : value(number)),
      })),
    ],
  };
}

function minutes(time, withSeconds = false) {
  const second = withSeconds === true ? { second: "2-digit" } : {};
  const form = { hour: "2-digit", minute: "2-digit", hour12: false, ...second };
  return new Date(time * 1000).toLocaleTimeString([], form);
}

/** `data` are the times in seconds and a list for each of `series`, `{ label, kind }`. */
export function Chart({ title, about, data, series, value, dots = false }) {
  const place = useRef(null);
  const chart = useRef(null);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const element = place.current;
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(element, series, value, dots), latest.current, element);
    };
    make();
    const fit = () => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    const resized = new ResizeObserver(fit);
    resized.observe(element);
    DARK.addEventListener("change", make);
    return () => {
      resized.disconnect();
      DARK.removeEventListener("change", make);
      chart.current.destroy();
      chart.current = null;
    };
  }, []);
  useEffect(() => chart.current?.setData(data), [data]);
  return html`<section class="card chart"><h2>${title}</h2><p class="dim">${about}</p><div aria-hidden="true" ref=${place}></div></section>`;
}
