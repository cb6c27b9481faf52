// Draws every figure from the specification beside it. What a chart shows is decided by the program that wrote the page.
const legendColumn = 140; // pixels that the name of a method takes

// A chart is as wide as its column and as high as it says.
const size = { width: "container", autosize: { type: "fit-x", contains: "padding" } };
const config = JSON.parse(document.getElementById("chart-config").textContent);

async function draw(figure) {
  const plot = figure.querySelector(".plot");
  const spec = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const columns = Math.max(2, Math.floor(plot.clientWidth / legendColumn));
  try {
    await window.vegaEmbed(plot, { ...size, ...spec }, {
      config: { ...config, legend: { ...config.legend, columns } },
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
