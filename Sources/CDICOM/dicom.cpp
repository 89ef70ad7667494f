// SPDX-License-Identifier: Apache-2.0
#include "CDICOM.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

struct unfold_dicom_file {
  DcmFileFormat format;
  Uint32 fragment = 0;  // where the next frame is likely to begin
};

namespace {

void prepare() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
  });
}

void say(char *message, const char *text) { std::snprintf(message, 256, "%s", text); }

uint32_t number(DcmItem &item, const DcmTagKey &key) {
  Uint16 value = 0;
  return item.findAndGetUint16(key, value).good() ? value : 0;
}

void text(DcmItem &item, const DcmTagKey &key, char *out, size_t size) {
  OFString value;
  if (item.findAndGetOFString(key, value).good()) std::snprintf(out, size, "%s", value.c_str());
}

// `count` numbers of a frame: from its own group, from the group that all frames share, or from the file itself.
bool numbers(DcmDataset &dataset, uint32_t frame, const DcmTagKey &key, double *out, unsigned long count) {
  DcmItem *items[3] = {nullptr, nullptr, &dataset};
  if (dataset.findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, items[0], static_cast<signed long>(frame)).bad())
    items[0] = nullptr;
  if (dataset.findAndGetSequenceItem(DCM_SharedFunctionalGroupsSequence, items[1], 0).bad()) items[1] = nullptr;
  for (DcmItem *item : items) {
    if (!item) continue;
    unsigned long k = 0;
    while (k < count && item->findAndGetFloat64(key, out[k], k, item != &dataset).good()) k++;
    if (k == count) return true;
  }
  return false;
}

}  // namespace

struct unfold_dicom_file *unfold_dicom_open(const uint8_t *bytes, size_t count, struct unfold_dicom_image *image, char *message) {
  std::memset(image, 0, sizeof *image);
  try {
    prepare();
    auto file = std::make_unique<unfold_dicom_file>();
    DcmInputBufferStream stream;
    stream.setBuffer(bytes, static_cast<offile_off_t>(count));
    stream.setEos();
    file->format.transferInit();
    const OFCondition status = file->format.read(stream, EXS_Unknown, EGL_noChange);
    file->format.transferEnd();
    if (status.bad()) {
      say(message, status.text());
      return nullptr;
    }
    DcmDataset &dataset = *file->format.getDataset();
    const DcmXfer syntax(dataset.getOriginalXfer());
    image->is_compressed = syntax.isEncapsulated();
    std::snprintf(image->transfer_syntax, sizeof image->transfer_syntax, "%s", syntax.getXferName());
    image->width = number(dataset, DCM_Columns);
    image->height = number(dataset, DCM_Rows);
    image->samples = number(dataset, DCM_SamplesPerPixel);
    image->bits_allocated = number(dataset, DCM_BitsAllocated);
    image->bits_stored = number(dataset, DCM_BitsStored);
    image->high_bit = number(dataset, DCM_HighBit);
    image->is_signed = number(dataset, DCM_PixelRepresentation) == 1;
    Sint32 frames = 1;
    if (dataset.findAndGetSint32(DCM_NumberOfFrames, frames).bad()) frames = 1;
    image->frames = frames > 0 ? static_cast<uint32_t>(frames) : 0;
    Sint32 instance = 0;
    image->has_number = dataset.findAndGetSint32(DCM_InstanceNumber, instance).good();
    image->number = instance;
    Uint16 padding = 0;
    Sint16 signed_padding = 0;
    if (dataset.findAndGetUint16(DCM_PixelPaddingValue, padding).good()) {
      image->has_padding = 1;
    } else if (dataset.findAndGetSint16(DCM_PixelPaddingValue, signed_padding).good()) {
      image->has_padding = 1;
      padding = static_cast<Uint16>(signed_padding);
    }
    image->padding = padding;
    image->has_table = dataset.tagExists(DCM_ModalityLUTSequence);
    text(dataset, DCM_SeriesInstanceUID, image->series, sizeof image->series);
    text(dataset, DCM_Modality, image->modality, sizeof image->modality);
    text(dataset, DCM_PhotometricInterpretation, image->photometric, sizeof image->photometric);
    return file.release();
  } catch (...) {
    say(message, "the library gave up");
    return nullptr;
  }
}

void unfold_dicom_frame_facts(struct unfold_dicom_file *file, uint32_t frame, struct unfold_dicom_frame *facts) {
  std::memset(facts, 0, sizeof *facts);
  facts->slope = 1;
  try {
    DcmDataset &dataset = *file->format.getDataset();
    if (!numbers(dataset, frame, DCM_RescaleSlope, &facts->slope, 1)) facts->slope = 1;
    if (!numbers(dataset, frame, DCM_RescaleIntercept, &facts->intercept, 1)) facts->intercept = 0;
    facts->has_spacing = numbers(dataset, frame, DCM_PixelSpacing, facts->spacing, 2);
    facts->has_position = numbers(dataset, frame, DCM_ImagePositionPatient, facts->position, 3);
    facts->has_orientation = numbers(dataset, frame, DCM_ImageOrientationPatient, facts->orientation, 6);
    facts->has_thickness = numbers(dataset, frame, DCM_SliceThickness, &facts->thickness, 1);
  } catch (...) {
  }
}

namespace {

DcmPixelData *pixels(unfold_dicom_file *file) {
  DcmElement *element = nullptr;
  if (file->format.getDataset()->findAndGetElement(DCM_PixelData, element).bad()) return nullptr;
  return dynamic_cast<DcmPixelData *>(element);
}

}  // namespace

uint32_t unfold_dicom_frame_size(struct unfold_dicom_file *file) {
  try {
    DcmPixelData *data = pixels(file);
    Uint32 size = 0;
    return data && data->getUncompressedFrameSize(file->format.getDataset(), size).good() ? size : 0;
  } catch (...) {
    return 0;
  }
}

int unfold_dicom_frame_samples(struct unfold_dicom_file *file, uint32_t frame, uint8_t *out, uint32_t size, char *message) {
  try {
    DcmPixelData *data = pixels(file);
    if (!data) {
      say(message, "no pixels");
      return 0;
    }
    OFString colors;
    const OFCondition status =
        data->getUncompressedFrame(file->format.getDataset(), frame, file->fragment, out, size, colors);
    if (status.bad()) say(message, status.text());
    return status.good();
  } catch (...) {
    say(message, "the library gave up");
    return 0;
  }
}

void unfold_dicom_close(struct unfold_dicom_file *file) { delete file; }
