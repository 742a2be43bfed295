// Two pictures from the server as before and after, in the second one's proportions. Resolves once both are there.
import { beforeAfter } from "./slider.js";

export async function compare(before, after, name) {
  const pictures = await Promise.all([before, after].map(async (src) => {
    const picture = Object.assign(new Image(), { src });
    await picture.decode();
    return picture;
  }));
  const figure = beforeAfter(...pictures, "before", name);
  const { naturalWidth: width, naturalHeight: height } = pictures[1];
  figure.style.aspectRatio = `${width} / ${height}`;
  figure.style.width = `min(100%, ${(74 * width) / height}vh)`;
  return figure;
}
