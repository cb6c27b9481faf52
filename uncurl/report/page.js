// Draws every figure from the specification beside it. What a chart shows is decided by the program that wrote the page.
// A chart is as wide as its column and as high as it says.
const size = { width: "container", autosize: { type: "fit-x", contains: "padding" } };
const config = JSON.parse(document.getElementById("chart-config").textContent);

// As many columns of names as fit beside the axis, and none wider than its column.
function legend(width) {
  const room = width - 60, symbol = 25;
  const columns = Math.max(2, Math.floor(room / 155));
  return { ...config.legend, columns, labelLimit: Math.floor(room / columns) - symbol };
}

async function draw(figure) {
  const plot = figure.querySelector(".plot");
  const spec = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  try {
    await window.vegaEmbed(plot, { ...size, ...spec }, {
      config: { ...config, legend: legend(plot.clientWidth) },
      renderer: "svg",
      actions: false,
    });
  } catch (error) {
    plot.classList.add("failed");
    console.error(figure.querySelector("figcaption").textContent, error);
  }
}

await Promise.all([...document.querySelectorAll("figure")].map(draw));
document.documentElement.dataset.charts = "drawn";
